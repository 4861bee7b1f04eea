// Following a notice marks it as read; the request outlives the page.
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-notice-read]");
  if (!link) return;
  const headers = JSON.parse(document.body.getAttribute("hx-headers") || "{}");
  fetch(link.dataset.noticeRead, { method: "POST", headers, keepalive: true });
});
