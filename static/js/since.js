// Time since, in an open page: what says "5 minutes" does not say so for an hour.
//
// {% since %} writes the first words; the units and their limits are the same there.

const UNITS = [
  ["year", 31_557_600, 2],
  ["month", 2_629_800, 2],
  ["week", 604_800, 2],
  ["day", 86_400, 2],
  ["hour", 3600, 1],
  ["minute", 60, 1],
];
const language = document.documentElement.lang;
const ago = new Intl.RelativeTimeFormat(language, { numeric: "always" });

function words(element) {
  const seconds = Math.floor((Date.now() - new Date(element.dateTime)) / 1000);
  const found = UNITS.find(([, unit, fewest]) => seconds >= unit * fewest);
  if (!found) return null; // what the server said still holds
  const [unit, length] = found;
  const count = Math.floor(seconds / length);
  if (element.dataset.since === "ago") return ago.format(-count, unit);
  const style = { style: "unit", unit, unitDisplay: "long" };
  return new Intl.NumberFormat(language, style).format(count);
}

setInterval(() => {
  for (const element of document.querySelectorAll("time[data-since]")) {
    const now = words(element);
    if (now !== null && now !== element.textContent) element.textContent = now;
  }
}, 20_000);
