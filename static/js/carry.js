// A link that takes what was written along: a[data-carry="name of the field"].
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-carry]");
  const field = link && document.querySelector(`[name="${CSS.escape(link.dataset.carry)}"]`);
  if (!field?.value) return;
  const address = new URL(link.href);
  address.searchParams.set(link.dataset.carry, field.value.slice(0, 4000));
  link.href = address;
});
