"""Print rows of a batch's output by their id."""

import json
import sys

rows = [json.loads(line) for line in sys.stdin]
for row in sorted(rows, key=lambda row: row["custom_id"]):
    response = row["response"]
    if row["error"] is None:
        said = response["body"]["choices"][0]["message"]["content"]
    else:
        said = row["error"]["message"]
    print(row["custom_id"], response["status_code"], said)
