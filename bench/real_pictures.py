"""What EXIF of 1,384 real pictures gives, camera by camera.

    python -m bench.real_pictures ../shared/data/drone

Each picture ends in a status, with the reason, as `greensward images import` would store it on a site that has it
inside its box.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import UTC
from pathlib import Path

from ingest.decode.exif_image import image_from_tags
from ingest.drone.camera_table import completed
from ingest.drone.footprint import compute_footprints
from ingest.errors import PayloadError


def main() -> int:
    """Print pictures by source, camera and status; 1 when a picture has none."""
    data = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data/drone")
    lines = (data / "real_image_metadata.jsonl").read_text(encoding="utf-8").splitlines()
    found: Counter[tuple[str, str, str, str]] = Counter()
    for dump in map(json.loads, lines):
        try:
            image, camera_id = completed(image_from_tags({"SourceFile": dump["path"]} | dump["tags"], UTC))
        except PayloadError as error:
            found[dump["source_repo"], "", f"refused: {error.faults[0].code} {error.faults[0].pointer}", ""] += 1
            continue
        footprint = compute_footprints([image])[0]
        status = footprint.status if footprint.reason is None else f"{footprint.status}: {footprint.reason}"
        found[dump["source_repo"], image.camera_model or "", status, camera_id or ""] += 1
    print(f"{'pictures':>8}  {'status':44} {'camera':30} {'by the camera table':20} source")
    for (source, camera, status, camera_id), count in sorted(found.items(), key=lambda one: (one[0][2], -one[1])):
        print(f"{count:>8,}  {status:44} {camera:30} {camera_id:20} {source}")
    print(f"{found.total():>8,}  in all")
    return 0 if found.total() == len(lines) else 1


if __name__ == "__main__":
    sys.exit(main())
