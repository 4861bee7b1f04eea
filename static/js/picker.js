// A list to pick from ([data-picker], a details): search narrows it, a choice or Esc closes it.
const optionsOf = (picker) => [...picker.querySelectorAll("[data-picker-words]")];

function narrow(picker, words) {
  const wanted = words.toLowerCase().split(/\s+/);
  for (const option of optionsOf(picker)) option.hidden = !wanted.every((word) => option.dataset.pickerWords.includes(word));
  picker.querySelector("[data-picker-none]").hidden = optionsOf(picker).some((option) => !option.hidden);
}

function close(picker) {
  picker.open = false;
  picker.querySelector("summary").focus();
}

document.addEventListener("input", (event) => {
  if (event.target.matches("[data-picker-search]")) narrow(event.target.closest("[data-picker]"), event.target.value);
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-picker-search]")) event.stopPropagation();
}, true);
document.addEventListener("toggle", (event) => {
  if (!event.target.matches("[data-picker][open]")) return;
  const search = event.target.querySelector("[data-picker-search]");
  search.value = "";
  narrow(event.target, "");
  event.target.querySelector("[data-picker-words]:has(:checked)")?.scrollIntoView({ block: "nearest" });
  search.focus({ preventScroll: true });
}, true);
document.addEventListener("click", (event) => {
  const option = event.target.closest("[data-picker-words]");
  if (option && event.detail) return close(option.closest("[data-picker]"));
  for (const picker of document.querySelectorAll("[data-picker][open]")) if (!picker.contains(event.target)) picker.open = false;
});
document.addEventListener("keydown", (event) => {
  const picker = event.target.closest?.("[data-picker][open]");
  if (!picker || !["Escape", "Enter", "ArrowDown"].includes(event.key) || event.ctrlKey || event.metaKey) return;
  if (event.target.matches("[data-picker-search]") && event.key !== "Escape") {
    const first = optionsOf(picker).find((option) => !option.hidden)?.querySelector("input");
    event.preventDefault();
    if (event.key === "ArrowDown") return first?.focus();
    first?.click();
  }
  if (event.key === "ArrowDown" || (event.key === "Enter" && event.target.matches("summary"))) return;
  event.preventDefault();
  close(picker);
});
