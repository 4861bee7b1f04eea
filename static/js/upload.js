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

// The picture that was picked last is the one that counts; its place may be a new one by the time that it has arrived.
let latest = null;

function end(form, isKept) {
  latest = null;
  form.removeAttribute("data-uploading");
  form.dispatchEvent(new CustomEvent("uploadend", { bubbles: true, detail: { isKept } }));
}

async function bring(zone, input) {
  const body = new FormData();
  body.append(input.name, input.files[0]);
  try {
    const answer = await fetch(zone.dataset.upload, { method: "POST", body, headers: { "X-CSRFToken": csrf() } });
    const kept = await answer.json().catch(() => ({}));
    return kept.id ? kept : { error: kept.error ?? zone.dataset.uploadTrouble };
  } catch {
    return { error: zone.dataset.uploadTrouble };
  }
}

async function send(form, zone, input) {
  const mine = (latest = {});
  form.setAttribute("data-uploading", "");
  const kept = await bring(zone, input);
  if (mine !== latest) return;
  const place = form.querySelector("[data-upload]");
  if (place && kept.id) {
    place.querySelector("[type=file]").value = "";
    choose(place, kept.id);
  } else if (place) say(place, kept.error);
  end(form, Boolean(kept.id));
}

document.addEventListener("change", (event) => {
  const zone = event.target.closest?.("[data-upload]");
  if (!zone || event.target.type !== "file") return;
  say(zone, "");
  const form = zone.closest("form");
  if (event.target.files.length) return send(form, zone, event.target);
  choose(zone, "");
  end(form, true);
});
// The address that was written last is the one that counts.
document.addEventListener("change", (event) => {
  const zone = event.target.name === "img_url" && event.target.value && event.target.closest("[data-upload]");
  if (zone) zone.querySelector("[name=input_file]").value = "";
}, true);
// The file itself is no reason to ask for the price: what it became is.
document.addEventListener("htmx:confirm", (event) => {
  if (event.detail.triggeringEvent?.target?.type === "file") event.preventDefault();
});
