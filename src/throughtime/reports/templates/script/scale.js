// An axis between values and pixels. A logarithmic axis works with the logarithms of its values.

const MINUTE = 1 / 1440;

class Scale {
  constructor(axis, first, last) {
    Object.assign(this, { axis, first, last }); // pixels at both ends
    this.whole = axis.limits.map(v => this.warp(v));
    this.span = [...this.whole];
  }

  warp(value) { return this.axis.log ? Math.log10(value) : value; }
  value(pixel, span = this.span) {
    const warped = span[0] + (pixel - this.first) / (this.last - this.first) * (span[1] - span[0]);
    return this.axis.log ? 10 ** warped : warped;
  }
  pixel(value, span = this.span) {
    return this.first + (this.warp(value) - span[0]) / (span[1] - span[0]) * (this.last - this.first);
  }
  // Where a point that was drawn at this pixel is now.
  moved(pixel) { return this.pixel(this.value(pixel, this.whole)); }

  get zoomed() { return this.span.some((v, i) => v !== this.whole[i]); }
  // Show this part, within the whole.
  show(low, high) {
    const [least, most] = this.whole;
    if (high - low < 1e-6 * (most - least)) return;
    this.span = [Math.max(low, least), Math.min(high, most)];
  }
  // Show a part that is `factor` times as wide and has this value where it was.
  zoom(factor, value) {
    const at = this.warp(value), [low, high] = this.span;
    this.show(at - (at - low) * factor, at + (high - at) * factor);
  }

  text(value) { return this.axis.time ? stamp(value, this.axis.time) : number(value); }
}

function number(value) { return value === null ? "–" : String(Number(value.toPrecision(6))); }

// Days since 1970 as a stamp, to the day, minute, second or millisecond.
function stamp(days, unit) {
  const length = { D: -14, m: -8, s: -5, ms: -1 }[unit];
  return new Date(Math.round(days / MINUTE * 60000)).toISOString().slice(0, length).replace("T", " ");
}
