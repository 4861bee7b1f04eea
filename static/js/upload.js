// Sends a picked picture at once ([data-upload="address"]), so that the order names it and its price is known.
const csrf = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];

function say(zone, sentence) {
  zone.querySelector(".field-error")?.remove();
  if (!sentence) return;
  const error = Object.assign(document.createElement("div"), { className: "field-error", textContent: sentence });
  error.setAttribute("role", "alert");
  zone.querySelector("[data-filedrop]").after(error);
}

function choose(zone, id) {
  const field = zone.querySelector("[name=input_file]");
  field.value = id;
  zone.querySelector("[name=img_url]").value = "";
  field.dispatchEvent(new Event("change", { bubbles: true }));
}

async function send(zone, input) {
  const body = new FormData();
  body.append(input.name, input.files[0]);
  zone.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(zone.dataset.upload, { method: "POST", body, headers: { "X-CSRFToken": csrf() } });
    const kept = await answer.json().catch(() => ({}));
    if (!kept.id) return say(zone, kept.error ?? zone.dataset.uploadTrouble);
    input.value = "";
    choose(zone, kept.id);
  } catch {
    say(zone, zone.dataset.uploadTrouble);
  } finally {
    zone.removeAttribute("aria-busy");
  }
}

document.addEventListener("change", (event) => {
  const zone = event.target.closest?.("[data-upload]");
  if (!zone || event.target.type !== "file") return;
  say(zone, "");
  if (event.target.files.length) send(zone, event.target);
  else choose(zone, "");
});
// The address that was written last is the one that counts.
document.addEventListener("change", (event) => {
  const zone = event.target.name === "img_url" && event.target.value && event.target.closest("[data-upload]");
  if (zone) zone.querySelector("[name=input_file]").value = "";
}, true);
// The file itself is no reason to ask for the price: what it became is.
document.addEventListener("htmx:beforeRequest", (event) => {
  if (event.detail.requestConfig.triggeringEvent?.target?.type === "file") event.preventDefault();
});
