// How many characters of how many: textarea[data-counter="id of the figure"][data-limit="5000"].
const figure = (number) => number.toLocaleString(document.documentElement.lang);

function count(field) {
  const note = document.getElementById(field.dataset.counter);
  const limit = Number(field.dataset.limit);
  const length = [...field.value].length; // code points, as the server counts
  note.textContent = `${figure(length)} / ${figure(limit)}`;
  note.dataset.state = length > limit ? "over" : "";
}

const all = (root) => root.querySelectorAll("[data-counter]").forEach(count);
document.addEventListener("input", (event) => event.target.matches("[data-counter]") && count(event.target));
document.addEventListener("htmx:load", (event) => all(event.detail.elt));
all(document);
