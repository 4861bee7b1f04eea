// Clips play muted while the pointer or the focus is on their tile ([data-hoverplay]); not where motion is unwanted.
const still = matchMedia("(prefers-reduced-motion: reduce)");

async function play(tile) {
  const clip = tile.querySelector("video");
  if (!clip || still.matches || tile.dataset.playing) return;
  tile.dataset.playing = "wanted";
  try {
    await clip.play();
  } catch {
    stop(tile); // left before it began
  }
}

function stop(tile) {
  const clip = tile.querySelector("video");
  delete tile.dataset.playing;
  clip?.pause();
}

for (const [begin, end] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
  document.addEventListener(begin, (event) => {
    const tile = event.target.closest("[data-hoverplay]");
    if (tile) play(tile);
  });
  document.addEventListener(end, (event) => {
    const tile = event.target.closest("[data-hoverplay]");
    if (tile && !tile.contains(event.relatedTarget)) stop(tile);
  });
}
