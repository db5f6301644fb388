// Round values along an axis, and their texts.

function ticks(scale, wanted) {
  const [low, high] = scale.span;
  if (scale.axis.time) return stampTicks(low, high, wanted);
  if (scale.axis.log) {
    const found = [];
    for (let e = Math.floor(low); e <= high; e++) found.push(...[1, 2, 5].map(d => d * 10 ** e));
    const inside = found.filter(v => Math.log10(v) >= low && Math.log10(v) <= high);
    if (inside.length >= 2) {
      const every = Math.ceil(inside.length / wanted);
      return inside.filter((_, i) => i % every === 0).map(v => [v, number(v)]);
    }
    return numberTicks(10 ** low, 10 ** high, wanted);
  }
  return numberTicks(low, high, wanted);
}

function numberTicks(low, high, wanted) {
  const rough = (high - low) / wanted, power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find(d => d * power >= rough * 0.999);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; i++) {
    const text = Math.abs(i * step) >= 1e6 ? number(i * step) : (i * step).toFixed(Math.min(digits, 20));
    found.push([i * step, text]);
  }
  return found;
}

// Steps of a calendar: in days below a month, in months above, with the length of their texts.
const STEPS = [
  ...[1, 5, 15, 30, 60, 180, 360, 720].map(minutes => [minutes * MINUTE, 0, 16]),
  ...[1, 2, 7, 14].map(days => [days, 0, 10]),
  ...[1, 3, 6].map(months => [30.4 * months, months, 7]),
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map(years => [365.25 * years, 12 * years, 4]),
];

function stampTicks(low, high, wanted) {
  const [days, months, length] = STEPS.find(([size]) => size * wanted >= high - low) ?? STEPS.at(-1);
  const found = [], text = d => stamp(d, "m").slice(0, length);
  if (!months) {
    for (let i = Math.ceil(low / days - 1e-9); i * days <= high; i++) found.push(i * days);
  } else {
    const from = new Date(low / MINUTE * 60000);
    let month = Math.floor((12 * from.getUTCFullYear() + from.getUTCMonth()) / months) * months;
    for (;; month += months) {
      const day = new Date(0);
      day.setUTCFullYear(Math.floor(month / 12), month % 12, 1);
      const at = day.getTime() / 60000 * MINUTE;
      if (at > high) break;
      if (at >= low) found.push(at);
    }
  }
  return found.map(at => [at, text(at)]);
}
