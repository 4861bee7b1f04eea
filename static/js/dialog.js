// Dialogs: [data-dialog-open="id"] opens, [data-dialog-close] and a click on the backdrop close, [data-dialog-auto]
// opens by itself, also when htmx brings it; the server closes with `HX-Trigger: dialog-close`. What is to be written
// first carries [data-focus]: `autofocus` is for whole pages, and the browser complains of it in what comes later.
function show(dialog) {
  if (!dialog || dialog.open) return;
  dialog.showModal();
  dialog.querySelector("[aria-invalid=true], [data-focus]")?.focus();
}

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-dialog-open]");
  if (opener) {
    event.preventDefault();
    show(document.getElementById(opener.dataset.dialogOpen));
  }
  const closer = event.target.closest("[data-dialog-close]");
  const dialog = closer?.closest("dialog[open]") ?? (event.target.matches("dialog[data-dialog]") ? event.target : null);
  if (!dialog) return;
  if (closer) event.preventDefault();
  dialog.close();
});

function showNew(root) {
  if (root.matches?.("dialog[data-dialog-auto]")) show(root);
  root.querySelectorAll("dialog[data-dialog-auto]").forEach(show);
}

document.addEventListener("htmx:load", (event) => showNew(event.detail.elt));
document.addEventListener("dialog-close", () => document.querySelectorAll("dialog[open]").forEach((dialog) => dialog.close()));
showNew(document);
