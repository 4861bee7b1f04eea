// The figure beside a slider: output[data-slider-value="id of the slider"].
document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-slider]")) return;
  const output = document.querySelector(`[data-slider-value="${CSS.escape(event.target.id)}"]`);
  output.textContent = `${event.target.value} ${output.dataset.unit}`.trim();
});
