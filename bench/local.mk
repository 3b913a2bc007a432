EXTRA_DIST += bench/run.sh bench/latency.py
