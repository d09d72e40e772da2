"""Nets for programs other than fastnn: ONNX, C and JSON."""
