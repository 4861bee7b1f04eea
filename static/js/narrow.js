// A list of things to tick ([data-narrow]): what is written in [data-narrow-search] leaves those that have all its words.
document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-narrow-search]")) return;
  const box = event.target.closest("[data-narrow]");
  const wanted = event.target.value.toLowerCase().split(/\s+/);
  const all = [...box.querySelectorAll("[data-narrow-words]")];
  for (const one of all) one.hidden = !wanted.every((word) => one.dataset.narrowWords.includes(word));
  box.querySelector("[data-narrow-none]").hidden = all.some((one) => !one.hidden);
});
// Enter in the search is no Enter in its form.
document.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && event.target.matches("[data-narrow-search]")) event.preventDefault();
});
