// Keys: "c" or "g j" follow the link that carries data-shortcut; "/" goes to [data-search]; "?" shows the list;
// Ctrl or Cmd with Enter sends the form of the focused field. Nothing happens while someone types or a dialog is open.
const PAUSE_MS = 1200;
let first = "";
let timer;

const isTyping = (element) => element.matches("input, textarea, select, [contenteditable]");

function remember(key) {
  clearTimeout(timer);
  first = key;
  timer = setTimeout(() => (first = ""), PAUSE_MS);
}

function follow(keys) {
  const link = document.querySelector(`[data-shortcut="${CSS.escape(keys)}"]`);
  if (link) link.click();
  return Boolean(link);
}

function goToSearch() {
  const field = document.querySelector("[data-search]");
  field?.focus();
  field?.select();
  return Boolean(field);
}

function act(key) {
  if (key === "/") return goToSearch();
  if (key === "?") return document.getElementById("shortcuts").showModal() ?? true;
  if (first && follow(`${first} ${key}`)) return remember("") ?? true;
  if (follow(key)) return true;
  if (document.querySelector(`[data-shortcut^="${CSS.escape(key)} "]`)) remember(key);
  return false;
}

document.addEventListener("keydown", (event) => {
  const target = event.target;
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && target.form) {
    event.preventDefault();
    return target.form.requestSubmit();
  }
  if (event.key === "Escape" && target.matches("[data-search]")) return target.blur();
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(target) || document.querySelector("dialog[open]")) return;
  if (event.key.length === 1 && act(event.key)) event.preventDefault();
});
