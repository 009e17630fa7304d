"""From one message to what it says: pure functions of topic, bytes and context; `route.decode` chooses among them.

No bytes make them raise anything but `PayloadError`. They touch no file, socket, environment, logger or clock.
"""

from __future__ import annotations
