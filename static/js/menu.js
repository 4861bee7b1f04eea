// Menus (details[data-menu]): one open at a time, arrows walk, Esc and a click elsewhere close.
const open = () => document.querySelectorAll("details[data-menu][open]");

function close(menu, { keepFocus = false } = {}) {
  menu.open = false;
  if (keepFocus) menu.querySelector("summary").focus();
}

document.addEventListener("click", (event) => {
  for (const menu of open()) if (!menu.contains(event.target)) close(menu);
  const item = event.target.closest("details[data-menu] [data-dialog-open]");
  if (item) close(item.closest("details[data-menu]"));
});

document.addEventListener("focusin", (event) => {
  for (const menu of open()) if (!menu.contains(event.target)) close(menu);
});

document.addEventListener("keydown", (event) => {
  const menu = document.activeElement?.closest("details[data-menu]") ?? open()[0];
  if (!menu) return;
  if (event.key === "Escape" && menu.open) {
    event.preventDefault();
    close(menu, { keepFocus: true });
  }
  if (event.key === "ArrowDown" || event.key === "ArrowUp") walk(menu, event);
});

function walk(menu, event) {
  const items = [...menu.querySelectorAll(".menu-item")].filter((item) => item.checkVisibility());
  const from = items.indexOf(document.activeElement);
  if (from < 0 && document.activeElement !== menu.querySelector("summary")) return;
  event.preventDefault();
  menu.open = true;
  const visible = [...menu.querySelectorAll(".menu-item")].filter((item) => item.checkVisibility());
  const step = event.key === "ArrowDown" ? 1 : -1;
  visible.at(from < 0 ? (step > 0 ? 0 : -1) : (from + step) % visible.length)?.focus();
}
