// A result opens in a dialog over the gallery, under its own address; Back, Esc and the cross close it. What is deleted
// there leaves the gallery at once.
const dialog = document.getElementById("lightbox");
let title = document.title;
let isLeaving = false;

const shows = (state) => Boolean(state?.lightbox);

function fill(address) {
  return htmx.ajax("GET", address, { target: dialog, swap: "innerHTML" });
}

async function open(address) {
  if (dialog.open) {
    history.replaceState({ lightbox: true }, "", address);
    return fill(address);
  }
  title = document.title;
  await fill(address);
  // Not htmx's entry any more: going back to it closes the dialog and loads nothing.
  history.replaceState({ gallery: true }, "");
  history.pushState({ lightbox: true }, "", address);
  dialog.showModal();
}

function follow(event) {
  const link = event.target.closest("[data-lightbox-open], #lightbox :is([data-lightbox-previous], [data-lightbox-next])");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  open(link.href);
}

function leave() {
  dialog.replaceChildren();
  document.title = title;
  isLeaving = shows(history.state);
  if (isLeaving) history.back();
}

// The last result that was shown is gone: say so as a fresh page would.
function showEmpty() {
  return htmx.ajax("GET", location.href, { target: "#results", swap: "outerHTML" });
}

function move(event) {
  if (isLeaving) {
    isLeaving = false;
    return document.querySelector("#results .tile") ? undefined : showEmpty();
  }
  if (shows(event.state)) return fill(location.href).then(() => dialog.open || dialog.showModal());
  if (dialog.open) return dialog.close();
  if (event.state?.gallery) location.reload(); // another look of the gallery stands here now
}

// Older results that come late begin a row of their own: nothing that is on screen moves.
function keepRow({ target }) {
  if (!target.matches("[data-endless]") || target.getBoundingClientRect().top > innerHeight) return;
  for (const name of ["gallery-end", "gallery-break"]) {
    target.before(Object.assign(document.createElement("span"), { className: name }));
  }
}

document.addEventListener("click", follow);
document.addEventListener("htmx:beforeSwap", keepRow);
document.addEventListener("deleted", ({ detail }) => {
  document.getElementById(detail.output)?.remove();
  for (const day of document.querySelectorAll("#results .gallery-day:not(:has(+ .tile))")) day.remove();
  dialog.close();
});
dialog.addEventListener("close", leave);
addEventListener("popstate", move);
