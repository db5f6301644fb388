// Training on a sine, live: one step of Adam (Kingma and Ba 2015) after another.

const PERIOD = 25, STEPS = 75;
const wave = t => [Math.sin(2 * Math.PI * t / PERIOD)];
const series = Array.from({ length: STEPS + 1 }, (_, t) => wave(t));
const inputs = series.slice(0, STEPS), targets = series.slice(1); // each value is to give the next

class Training {
  constructor(network) {
    this.network = network;
    this.count = 0;
    this.mean = zeros(Object.values(network));
    this.square = zeros(Object.values(network));
  }
  // One step; returns the loss before it.
  step(rate) {
    const { loss, gradient } = lossAndGradient(this.network, inputs, targets);
    this.count++;
    Object.keys(this.network).forEach((name, k) => this.move(
      this.network[name], gradient[name], this.mean[k], this.square[k], rate));
    return loss;
  }
  move(weight, gradient, mean, square, rate) {
    weight.forEach((value, i) => {
      if (Array.isArray(value)) return this.move(value, gradient[i], mean[i], square[i], rate);
      mean[i] = 0.9 * mean[i] + 0.1 * gradient[i];
      square[i] = 0.999 * square[i] + 0.001 * gradient[i] ** 2;
      const m = mean[i] / (1 - 0.9 ** this.count), s = square[i] / (1 - 0.999 ** this.count);
      weight[i] -= rate * m / (Math.sqrt(s) + 1e-8);
    });
  }
}

// The network reads this many true values, then its own outputs.
function closedLoop(network, known, steps) {
  const ys = [];
  let h = zeros(network.b);
  for (let t = 0; t < steps; t++) {
    h = step(network, t < known ? wave(t) : ys.at(-1), h);
    ys.push(readout(network, h));
  }
  return ys;
}
