// Focus where it was: on what took the place of the focused element or of the nearest that it stood in, or on the first
// field that was refused, also where a whole page came back.
let held = [];

function around(element) {
  const box = element?.closest("[id]");
  return box ? [box.id, ...around(box.parentElement)] : [];
}

function goBack() {
  for (const id of held) {
    document.getElementById(id)?.focus({ preventScroll: true });
    if (document.activeElement !== document.body) return;
  }
}

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.id !== "live") held = around(document.activeElement);
});
document.addEventListener("htmx:afterSettle", (event) => {
  const wrong = event.detail.xhr?.status === 422 && event.target.querySelector?.("[aria-invalid=true]");
  if (wrong) return wrong.focus();
  if (document.activeElement === document.body && event.detail.elt?.id !== "live") goBack();
});
// What is being written anew is no longer called wrong.
document.addEventListener("input", (event) => {
  if (!event.target.matches("[aria-invalid=true]")) return;
  event.target.removeAttribute("aria-invalid");
  const field = event.target.closest(".field");
  field?.removeAttribute("data-state");
  field?.querySelector(".field-error")?.remove();
});
if (!document.querySelector("dialog[open]")) document.querySelector("[aria-invalid=true]")?.focus();
