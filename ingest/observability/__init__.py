"""Metrics, traces, log lines and probes: everything an operator watches the system by."""
