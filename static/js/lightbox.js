// The large picture: arrows walk to its neighbours ([data-lightbox-previous], [data-lightbox-next]), Esc goes back
// ([data-lightbox-close], when it is no dialog that closes itself).
const WAYS = { ArrowLeft: "previous", ArrowRight: "next", Escape: "close" };

document.addEventListener("keydown", (event) => {
  const way = WAYS[event.key];
  if (!way || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
  if (event.target.matches("input, textarea, select, video") || document.querySelector("details[data-menu][open]")) return;
  const others = document.querySelector("dialog[open]:not(:has([data-lightbox]))");
  const link = document.querySelector(`[data-lightbox] [data-lightbox-${way}]`);
  if (others || !link) return;
  event.preventDefault();
  link.click();
});
