// A secret that is being typed: its button shows and hides it. Without scripts the button is not there, and once the
// form is sent the secret is hidden again, so that browsers treat it as one.
function toggle(button) {
  const field = document.getElementById(button.dataset.reveal);
  const isShown = field.type === "password";
  field.type = isShown ? "text" : "password";
  button.setAttribute("aria-pressed", isShown);
  field.focus();
}

for (const button of document.querySelectorAll("[data-reveal]")) {
  const field = document.getElementById(button.dataset.reveal);
  button.hidden = false;
  button.addEventListener("click", () => toggle(button));
  field.form.addEventListener("submit", () => (field.type = "password"));
}
