"""The preview provider: draws a picture or clip from the prompt, so that everything can be tried without an account.

What it draws is marked "Preview - not AI". It keeps no state: a ticket carries all that its picture needs, so any
process may poll it or draw it, as often as it likes, and gets the same picture.

Whole words in a prompt (any case) play out trouble:

- `fail`: the job is accepted and ends as failed;
- `moderated`: the order is refused at once, as a moderation would;
- `slow`: it takes PREVIEW_SLOW_S seconds;
- `lost`: the first attempt's answer is lost, later ones arrive.

Other words steer the drawing: colours (red, teal, gold), times (night, dusk, dawn) and places (forest, ocean, city).
"""
