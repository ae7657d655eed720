// The light colors of charts, and what stands for them on a dark page.
/** @type {Record<string, string>} */
const DARK = {
  "#ffffff": "#1b212b", "#222222": "#e6eaf0", "#000000": "#ffffff", "#bbbbbb": "#4a5566",
  "#e6e6e6": "#2c3440", "#888888": "#7d8896", "#777777": "#98a3b1", "#8a8a8a": "#9aa5b3",
  "#c8c8c8": "#56606e", "#0072b2": "#5cb3ea", "#d55e00": "#ff8a3d", "#e8e8e8": "#303947",
  "#4d4d4d": "#b9c2ce",
};
const DARK_TEXT = {
  config: {
    axis: { labelColor: "#c6ced8", titleColor: "#e6eaf0", tickColor: "#7d8896" },
    legend: { labelColor: "#e6eaf0", titleColor: "#e6eaf0" },
    header: { labelColor: "#e6eaf0", titleColor: "#e6eaf0" },
    title: { color: "#e6eaf0" },
  },
};
const darkness = matchMedia("(prefers-color-scheme: dark)");

/** Returns a specification in the colors of the page. @param {any} spec */
function themed(spec) {
  if (!darkness.matches) return spec;
  const recolored = JSON.stringify(spec).replace(/#[0-9a-f]{6}\b/gi, (c) => DARK[c.toLowerCase()] ?? c);
  const dark = JSON.parse(recolored);
  for (const [part, colors] of Object.entries(DARK_TEXT.config)) {
    dark.config[part] = { ...dark.config[part], ...colors };
  }
  return dark;
}
