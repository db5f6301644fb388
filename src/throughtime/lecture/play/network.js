// A recurrent network and its gradient, in the letters of the lecture:
//   a_t = U x_t + W h_{t-1} + b,   h_t = tanh(a_t),   y_t = V h_t + c

function newNetwork(units, seed) {
  const draw = normals(seed), matrix = (rows, columns) =>
    Array.from({ length: rows }, () => Array.from({ length: columns }, draw));
  const network = { U: matrix(units, 1), W: matrix(units, units), b: Array(units).fill(0),
                    V: matrix(1, units).map(row => row.map(v => v / units)), c: [0] };
  return network;
}

// Scale W so that its spectral radius, the gain, is this.
function setGain(network, gain) {
  const factor = gain / radius(network.W);
  network.W = network.W.map(row => row.map(w => factor * w));
}

function step({ U, W, b }, x, h) {
  const fromInput = times(U, x), fromState = times(W, h);
  return b.map((bi, i) => Math.tanh(fromInput[i] + fromState[i] + bi));
}
const readout = ({ V, c }, h) => times(V, h).map((v, i) => v + c[i]);

// The states of all steps; those before the first input are h0.
function unroll(network, xs, h0 = zeros(network.b)) {
  const hs = [];
  for (const x of xs) hs.push(step(network, x, hs.at(-1) ?? h0));
  return hs;
}

// Mean squared error of the outputs, and its gradient by backpropagation through time:
//   grad h_t = V^T grad y_t + W^T grad a_{t+1},   grad a_t = (1 - h_t^2) grad h_t
function lossAndGradient(network, xs, targets) {
  const hs = unroll(network, xs), ys = hs.map(h => readout(network, h));
  const gradient = Object.fromEntries(Object.entries(network).map(([name, weight]) => [name, zeros(weight)]));
  let loss = 0, later = zeros(network.b); // grad a_{t+1}
  for (let t = xs.length - 1; t >= 0; t--) {
    const wrong = ys[t].map((y, i) => y - targets[t][i]);
    loss += wrong.reduce((sum, e) => sum + e * e, 0) / xs.length;
    const gradY = wrong.map(e => 2 * e / xs.length);
    const fromOutput = timesTransposed(network.V, gradY), fromLater = timesTransposed(network.W, later);
    later = hs[t].map((h, i) => (1 - h * h) * (fromOutput[i] + fromLater[i]));
    addOuter(gradient.V, gradY, hs[t]);
    gradY.forEach((g, i) => { gradient.c[i] += g; });
    addOuter(gradient.U, later, xs[t]);
    addOuter(gradient.W, later, hs[t - 1] ?? zeros(network.b));
    later.forEach((g, i) => { gradient.b[i] += g; });
  }
  return { loss, gradient };
}

// How much of the last output's gradient reaches each earlier state: its norm by lag, 1 at lag 0.
function gradientByLag(network, xs) {
  const hs = unroll(network, xs), norms = [];
  let gradH = timesTransposed(network.V, [1]);
  for (let t = xs.length - 1; t >= 0; t--) {
    norms.push(norm(gradH));
    gradH = timesTransposed(network.W, hs[t].map((h, i) => (1 - h * h) * gradH[i]));
  }
  return norms.map(value => value / norms[0]);
}
