"""mq-bridge from MQTT to fsynced Parquet, tuned: the peer of `bench.ingest_speed --mq-bridge PYTHON`.

    PYTHON bench/mq_bridge_route.py PORT FOLDER

PYTHON is one that has mq-bridge (`pip install mq-bridge`), in an environment of its own: it is no dependency of ours.
Payloads are kept as they come, neither decoded nor deduplicated; a batch is acknowledged once its file is fsynced.
"""

import sys

import mq_bridge  # type: ignore[import-not-found]  # it is in another environment

port, folder = sys.argv[1:]
mq_bridge.Route.from_config(
    {
        "input": {
            "mqtt": {
                "url": f"tcp://127.0.0.1:{port}",
                "topic": "#",
                "client_id": "mq-bridge",
                "qos": 1,
                "queue_capacity": 20_000,
                "max_inflight": 20_000,
                "session_expiry_interval": 86_400,
            }
        },
        "output": {
            "middlewares": [{"buffer": {"max_messages": 10_000, "max_delay_ms": 200}}],
            "object_store": {"url": f"file://{folder}", "format": "parquet", "fsync": "batch"},
        },
        "batch_size": 10_000,
    }
).run()
