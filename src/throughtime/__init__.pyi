"""The public names of throughtime, each once, by the room that it comes from.

`__init__.py` reads this file: it is both what type checkers see and what is loaded lazily.
"""

from .data.datasets import load_dataset as load_dataset
from .data.scaler import Scaler as Scaler
from .data.series import Series as Series
from .data.split import Split as Split
from .data.tables import to_series as to_series
from .data.time_axis import Times as Times
from .dynamics.attractor_metrics import spectrum_distance as spectrum_distance
from .dynamics.attractor_metrics import state_space_divergence as state_space_divergence
from .dynamics.attractor_metrics import valid_time as valid_time
from .dynamics.behaviour import behaviour as behaviour
from .dynamics.diagnose import diagnose as diagnose
from .dynamics.equations import equations as equations
from .dynamics.fixed_points import fixed_points as fixed_points
from .dynamics.flow_record import FlowRecord as FlowRecord
from .dynamics.gradient_flow import gradient_flow as gradient_flow
from .dynamics.lyapunov import lyapunov_of_map as lyapunov_of_map
from .dynamics.lyapunov import lyapunov_of_system as lyapunov_of_system
from .dynamics.maps import Map as Map
from .dynamics.maps import map_of_cell as map_of_cell
from .dynamics.maps import map_of_network as map_of_network
from .dynamics.maps import map_of_system as map_of_system
from .dynamics.saved_surrogate import load_surrogate as load_surrogate
from .dynamics.saved_surrogate import save_surrogate as save_surrogate
from .dynamics.simulate import simulate as simulate
from .dynamics.surrogate import Surrogate as Surrogate
from .dynamics.systems import System as System
from .dynamics.systems import system as system
from .errors import InputError as InputError
from .forecasting.backtest import Backtest as Backtest
from .forecasting.forecast import Forecast as Forecast
from .forecasting.forecaster import Forecaster as Forecaster
from .forecasting.forecaster import load as load
from .forecasting.prior import Prior as Prior
from .forecasting.seasonality import find_seasons as find_seasons
from .recurrence.architecture import Architecture as Architecture
from .recurrence.bptt import bptt as bptt
from .recurrence.cells import GRU as GRU
from .recurrence.cells import LSTM as LSTM
from .recurrence.cells import RNN as RNN
from .recurrence.cells import Cell as Cell
from .recurrence.cells import LSTMState as LSTMState
from .recurrence.echo_state_cell import EchoState as EchoState
from .recurrence.exponential_smoothing import ExponentialSmoothing as ExponentialSmoothing
from .recurrence.initialisation import Initialisation as Initialisation
from .recurrence.network import Dense as Dense
from .recurrence.network import Network as Network
from .recurrence.network import Readout as Readout
from .recurrence.reservoir_weights import ReservoirDesign as ReservoirDesign
from .recurrence.rollout import rollout as rollout
from .recurrence.unroll import unroll as unroll
from .reservoir.echo_state import EchoStateNetwork as EchoStateNetwork
from .reservoir.next_generation import NextGeneration as NextGeneration
from .tasks.definition import Task as Task
from .tasks.learn import learn_task as learn_task
from .tasks.learn import solve as solve
from .tasks.long_range import task as task
from .tasks.recipes import way as way
from .training.batches import Batch as Batch
from .training.batches import Sequences as Sequences
from .training.batches import Streams as Streams
from .training.batches import Windows as Windows
from .training.hessian_free import hessian_free as hessian_free
from .training.losses import Loss as Loss
from .training.methods import method as method
from .training.objective import Method as Method
from .training.regulariser import Regularised as Regularised
from .training.result import Diverged as Diverged
from .training.result import Fitted as Fitted
from .training.train import evaluate as evaluate
from .training.train import train as train

__version__: str
