// Charts from the specifications in the page, and players whose words follow the sound.

const charts = {
  renderer: "svg",
  actions: false,
  ast: true, // no eval: the page's policy forbids it
  config: {
    background: "transparent",
    font: getComputedStyle(document.body).fontFamily,
    view: { stroke: null },
    mark: { color: "var(--c1)" },
    bar: { binSpacing: 1 },
    rule: { color: "var(--c1)" },
    point: { opacity: 1 },
    range: { category: [1, 2, 3, 4, 5, 6].map((number) => `var(--c${number})`) },
    axis: {
      labelColor: "var(--soft)", titleColor: "var(--soft)", gridColor: "var(--rule)",
      domainColor: "var(--rule)", tickColor: "var(--rule)",
      labelFontSize: 12, titleFontSize: 12, titleFontWeight: 400, grid: false, labelLimit: 160,
    },
    axisY: { tickCount: 5 },
    axisX: { tickCount: 5, labelOverlap: "greedy" },
    axisQuantitative: { grid: true },
    legend: {
      labelColor: "var(--ink)", titleColor: "var(--soft)", titleFontWeight: 400,
      orient: "top", labelFontSize: 12, labelLimit: 260, columns: 2,
    },
  },
};

for (const place of document.querySelectorAll(".chart")) {
  const spec = JSON.parse(place.nextElementSibling.textContent);
  spec.width = "container";
  vegaEmbed(place, spec, charts).catch((error) => {
    console.error(error);
    place.textContent = "This chart could not be drawn; its numbers are below.";
  });
}

for (const player of document.querySelectorAll(".player")) {
  const audio = player.querySelector("audio");
  const wave = player.querySelector("svg");
  const now = wave.querySelector(".now");
  const buttons = [...player.querySelectorAll(".words button")];
  const marks = [...wave.querySelectorAll(".word")];
  const times = buttons.map(({ dataset }) => [dataset.start / 1000, dataset.end / 1000]);
  const width = wave.viewBox.baseVal.width;
  const seconds = Number(wave.dataset.seconds);
  let stopAt = Infinity;

  const show = () => {
    const time = audio.currentTime;
    const x = (time / seconds) * width;
    now.setAttribute("x1", x);
    now.setAttribute("x2", x);
    times.forEach(([start, end], index) => {
      const on = time >= start && time < end;
      buttons[index].classList.toggle("on", on);
      marks[index].classList.toggle("on", on);
    });
    if (time >= stopAt) audio.pause();
    if (!audio.paused) requestAnimationFrame(show);
  };
  const playFrom = (time, end) => {
    stopAt = end;
    audio.currentTime = time;
    audio.play();
  };
  audio.addEventListener("play", () => {
    for (const other of document.querySelectorAll("audio")) if (other !== audio) other.pause();
    player.classList.add("started");
    show();
  });
  audio.addEventListener("pause", () => (stopAt = Infinity));
  audio.addEventListener("seeked", show);
  buttons.forEach((button, index) => {
    button.addEventListener("click", () => playFrom(...times[index]));
  });
  wave.addEventListener("click", (event) => {
    const box = wave.getBoundingClientRect();
    playFrom(((event.clientX - box.left) / box.width) * seconds, Infinity);
  });
}
