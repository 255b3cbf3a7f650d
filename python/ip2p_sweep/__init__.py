"""The Python package of ip2p-sweep, a program: `python -m ip2p_sweep` and `ip2p-sweep` start it."""
