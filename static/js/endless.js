// Endless lists: a link [data-endless] hears the event "near" before it comes into sight, and htmx puts what it leads to
// in its place. The address bar follows: it carries the position ([data-position]) that is on screen.
const AHEAD = "300% 0px";
const near = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      near.unobserve(entry.target);
      htmx.trigger(entry.target, "near");
    }
  },
  { rootMargin: AHEAD },
);

function watch(root) {
  if (root.matches?.("[data-endless]")) near.observe(root);
  root.querySelectorAll("[data-endless]").forEach((link) => near.observe(link));
}

let wanted = false;

function follow() {
  wanted = false;
  if (document.querySelector("dialog[open]")) return;
  const passed = [...document.querySelectorAll("[data-position]")].filter(
    (mark) => mark.getBoundingClientRect().top < innerHeight / 2,
  );
  const position = passed.at(-1)?.dataset.position;
  if (!position) return;
  const address = new URL(position, location);
  if (!address.search) address.search = ""; // no lone question mark
  if (address.href !== location.href) history.replaceState(history.state, "", address);
}

document.addEventListener("htmx:load", (event) => watch(event.detail.elt));
document.addEventListener("scroll", () => {
  if (!wanted) requestAnimationFrame(follow);
  wanted = true;
}, { passive: true });
watch(document);
