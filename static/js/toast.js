// Toasts: those of the page, those of `HX-Trigger: {"toast": {"text": "…", "level": "success"}}`, and lost requests.
const box = document.querySelector("[data-toasts]");
const STAYS_MS = 6000;

function leave(toast) {
  toast.remove();
}

function watch(toast) {
  toast.querySelector("[data-toast-close]").addEventListener("click", () => leave(toast));
  if (toast.dataset.level === "error") return;
  let timer = setTimeout(leave, STAYS_MS, toast);
  toast.addEventListener("pointerenter", () => clearTimeout(timer));
  toast.addEventListener("focusin", () => clearTimeout(timer));
  toast.addEventListener("pointerleave", () => (timer = setTimeout(leave, STAYS_MS, toast)));
}

function say(text, level = "info") {
  const toast = box.querySelector("template").content.querySelector(".toast").cloneNode(true);
  toast.dataset.level = level;
  toast.querySelector(".toast-text").textContent = text;
  box.append(toast);
  watch(toast);
}

// A page that asks every second would otherwise pile up the same trouble.
function sayOnce(text, level) {
  const shown = [...box.querySelectorAll(":scope > .toast .toast-text")].map((words) => words.textContent);
  if (!shown.includes(text)) say(text, level);
}

box.querySelectorAll(":scope > .toast").forEach(watch);
document.addEventListener("toast", (event) => say(event.detail.text ?? event.detail.value, event.detail.level));
document.addEventListener("htmx:sendError", () => sayOnce(box.dataset.offline, "error"));
document.addEventListener("htmx:responseError", () => sayOnce(box.dataset.trouble, "error"));
