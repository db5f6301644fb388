"""Neighbours: networks and forecasters in other libraries. Each is imported only when used.

Begin with `scikit_learn.py` (sequences to classes or numbers). `sktime.py` and `darts.py` make
a forecaster one of theirs, over the frames of `pandas_series.py`. `torch.py` and `keras.py`
copy weights to and from these libraries, `onnx.py` writes a network as a file that other
programs run. Imports the rooms from `errors` to `forecasting`.
"""
