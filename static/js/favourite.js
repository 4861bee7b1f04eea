// Hearts: what the server says of a result (`HX-Trigger: favourite`) shows on all of its buttons, in the grid and over it.
document.addEventListener("favourite", ({ detail }) => {
  for (const button of document.querySelectorAll(`[data-favourite="${detail.output}"]`)) {
    button.setAttribute("aria-pressed", detail.marked);
    button.value = detail.marked ? "no" : "yes";
  }
});
