// The page: its controls, its four pictures, and what a screen reader is told of them.

const UNITS = 6, RUN = 100;
const find = id => document.getElementById(id);
const plots = {
  states: new Plot(find("states"), [0, RUN], [-1.05, 1.05]),
  plane: new Plot(find("plane"), [-2, 2], [-2, 2], { equal: true }),
  lags: new Plot(find("lags"), [0, STEPS - 1], [-8, 4]),
  sine: new Plot(find("sine"), [0, 2 * STEPS], [-1.5, 1.5]),
};
const play = { frames: 0, seed: 1, losses: [] };

function begin() {
  play.network = newNetwork(UNITS, play.seed);
  setGain(play.network, 1.2);
  play.losses = [];
  restart();
}
// After a change by hand, Adam's memory is of another network.
function restart() {
  play.training = new Training(play.network);
  show();
}

function show() {
  const { network } = play, gain = radius(network.W);
  if (document.activeElement !== find("gain") || play.running) find("gain").value = gain;
  find("gain-value").textContent = gain.toFixed(2);
  showStates();
  showPlane(gain);
  showLags();
  showSine();
  find("loss").textContent = play.losses.length ? play.losses.at(-1).toExponential(2) : "–";
  find("steps").textContent = play.losses.length;
  play.frames++;
}

// The states of a run that is pushed once and then left alone, or driven by the sine.
function showStates() {
  const driven = find("driven").checked, { network } = play;
  const push = network.b.map((_, i) => 0.5 * Math.cos(i + 1));
  const xs = Array.from({ length: RUN }, (_, t) => driven ? wave(t) : [0]);
  const hs = [push, ...unroll(network, xs, push)];
  plots.states.begin([[0, "0"], [50, "50"], [94, "step"]], [[-1, "−1"], [0, "0"], [1, "1"]]);
  push.forEach((_, i) => plots.states.line(hs.map((h, t) => [t, h[i]]), COLOURS[i]));
  const moves = norm(hs.at(-1).map((h, i) => h - hs.at(-2)[i]));
  describe("states", moves < 1e-4 ? "The states have come to rest." : `The states still move, by ${moves.toFixed(3)} in the last step.`);
}

function showPlane(gain) {
  const found = eigenvalues(play.network.W), circle = Array.from({ length: 91 }, (_, i) => i * Math.PI / 45);
  const reach = Math.max(1.5, 1.15 * gain);
  Object.assign(plots.plane, { x: [-reach, reach], y: [-reach, reach] });
  plots.plane.begin([], [[0, ""]]);
  plots.plane.line([[0, -reach], [0, reach]], plots.plane.ink, 0.3);
  plots.plane.line(circle.map(a => [Math.cos(a), Math.sin(a)]), plots.plane.ink, 1, [4, 3]);
  found.forEach(([x, y]) => plots.plane.dot(x, y, Math.hypot(x, y) > 1 ? COLOURS[1] : COLOURS[0]));
  const outside = found.filter(z => Math.hypot(...z) > 1).length;
  describe("plane", `${outside} of ${UNITS} eigenvalues of W lie outside the unit circle; the largest modulus is ${gain.toFixed(2)}.`);
}

function showLags() {
  const norms = gradientByLag(play.network, inputs), last = norms.at(-1);
  plots.lags.begin([[0, "0"], [25, "25"], [50, "50"], [70, "lag"]], [[-8, "1e−8"], [-4, "1e−4"], [0, "1"], [4, "1e4"]]);
  plots.lags.line(norms.map((v, k) => [k, Math.max(-8, Math.min(4, Math.log10(v)))]), COLOURS[0], 2);
  const word = last < 1e-3 ? "vanished" : last > 1e3 ? "exploded" : "been kept within a factor of a thousand";
  describe("lags", `${STEPS - 1} steps back the gradient has ${word}: ${last.toExponential(1)} of what it was.`);
}

function showSine() {
  const ys = closedLoop(play.network, STEPS, 2 * STEPS), clip = y => Math.max(-1.5, Math.min(1.5, y));
  plots.sine.begin([[0, "0"], [STEPS, String(STEPS)], [2 * STEPS - 8, "step"]], [[-1, "−1"], [0, "0"], [1, "1"]]);
  plots.sine.line([[STEPS, -1.5], [STEPS, 1.5]], plots.sine.ink, 0.6, [3, 3]);
  plots.sine.line(ys.map((_, t) => [t, wave(t + 1)[0]]), plots.sine.ink, 1);
  plots.sine.line(ys.map(([y], t) => [t, clip(y)]), COLOURS[1], 2, [6, 3]);
  const wrong = Math.sqrt(ys.slice(STEPS).reduce((sum, [y], t) => sum + (y - wave(STEPS + t + 1)[0]) ** 2, 0) / STEPS);
  describe("sine", `From its own predictions the network is wrong by ${wrong.toFixed(3)}, root mean square.`);
}

function describe(name, text) {
  find(`${name}-text`).textContent = text;
}

function train() {
  if (!play.running) return;
  const rate = 10 ** Number(find("rate").value);
  for (let i = 0; i < 5; i++) play.losses.push(play.training.step(rate));
  show();
  requestAnimationFrame(train);
}
function toggle() {
  play.running = !play.running;
  find("train").textContent = play.running ? "Pause" : "Train on the sine";
  train();
}

find("gain").addEventListener("input", event => { setGain(play.network, Number(event.target.value)); restart(); });
find("rate").addEventListener("input", event => { find("rate-value").textContent = (10 ** event.target.value).toPrecision(1); });
find("driven").addEventListener("change", show);
find("train").addEventListener("click", toggle);
find("new").addEventListener("click", () => { play.seed++; begin(); });
addEventListener("resize", show);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
begin();

// For the console: play.network is the network on the page.
Object.assign(play, { show, restart, unroll, eigenvalues, gradientByLag, lossAndGradient, closedLoop, inputs, targets });
window.play = play;
