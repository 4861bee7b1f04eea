// Focus where it was: on what took the place of the focused element or of what it stood in, or on the first field that
// was refused.
let held = "";

document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.elt.id !== "live") held = document.activeElement?.closest("[id]")?.id ?? "";
});
document.addEventListener("htmx:afterSettle", (event) => {
  const wrong = event.detail.xhr?.status === 422 && event.target.querySelector?.("[aria-invalid=true]");
  if (wrong) return wrong.focus();
  if (document.activeElement === document.body && held && event.detail.elt?.id !== "live") document.getElementById(held)?.focus({ preventScroll: true });
});
// What is being written anew is no longer called wrong.
document.addEventListener("input", (event) => {
  if (!event.target.matches("[aria-invalid=true]")) return;
  event.target.removeAttribute("aria-invalid");
  const field = event.target.closest(".field");
  field?.removeAttribute("data-state");
  field?.querySelector(".field-error")?.remove();
});
