"""Makes a container in Azurite with a signature of its own, or reads a blob: PUT|GET, endpoint, account, key, container, blob or -."""
import base64
import hashlib
import hmac
import sys
import urllib.error
import urllib.parse
import urllib.request

method, endpoint, account, key, container, blob = sys.argv[1:]
start, end, version = "2020-01-01T00:00:00Z", "2036-01-01T00:00:00Z", "2020-10-02"
text = f"{account}\nrwdlac\nb\nco\n{start}\n{end}\n\nhttps,http\n{version}\n"
signature = base64.b64encode(hmac.new(base64.b64decode(key), text.encode(), hashlib.sha256).digest()).decode()
query = {"sv": version, "ss": "b", "srt": "co", "sp": "rwdlac", "st": start, "se": end, "spr": "https,http", "sig": signature}
path = f"/{container}" if blob == "-" else f"/{container}/{blob}"
if blob == "-":
    query["restype"] = "container"
request = urllib.request.Request(f"{endpoint}{path}?{urllib.parse.urlencode(query)}", method=method)
request.add_header("x-ms-version", version)
try:
    with urllib.request.urlopen(request) as reply:
        sys.stdout.write(hashlib.sha256(reply.read()).hexdigest())
except urllib.error.HTTPError as error:
    sys.stdout.write(str(error.code))
