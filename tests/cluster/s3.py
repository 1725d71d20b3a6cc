#!/usr/bin/env python3
"""Puts and gets objects of an S3 server with nothing but the standard library (signature version 4).

s3.py put KEY FILE [--if-none-match] | get KEY | delete KEY; prints the status, and the body of a get.
The server, its bucket and the keys come from the environment that `run` sets. Ends with 0 for 2xx, else 1.
"""

import datetime
import hashlib
import hmac
import http.client
import os
import sys
import urllib.parse


def sign(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def signed(method, host, path, body, now, extra):
    """The headers of a request, with its signature."""
    region, secret = os.environ["AWS_REGION"], os.environ["AWS_SECRET_ACCESS_KEY"]
    stamp, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    digest = hashlib.sha256(body).hexdigest()
    headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": stamp, **extra}
    names = ";".join(sorted(headers))
    lines = [f"{name}:{headers[name]}" for name in sorted(headers)]
    canonical = "\n".join([method, path, "", *lines, "", names, digest])
    scope = f"{day}/{region}/s3/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ("AWS4" + secret).encode()
    for part in (day, region, "s3", "aws4_request"):
        key = sign(key, part)
    credential = f"{os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    signature = sign(key, text).hex()
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={credential},SignedHeaders={names},Signature={signature}"
    return headers


def request(method, key, body=b"", extra=None):
    server = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL"])
    path = urllib.parse.quote(f"/{os.environ['DP_TEST_BUCKET']}/{key}")
    now = datetime.datetime.now(datetime.timezone.utc)
    connection = http.client.HTTPConnection(server.hostname, server.port, timeout=30)
    connection.request(method, path, body, signed(method, server.netloc, path, body, now, extra or {}))
    response = connection.getresponse()
    return response.status, response.read()


def main():
    command, key, *rest = sys.argv[1:]
    if command == "put":
        with open(rest[0], "rb") as file:
            body = file.read()
        status, answer = request("PUT", key, body, {"if-none-match": "*"} if "--if-none-match" in rest else {})
    else:
        status, answer = request({"get": "GET", "delete": "DELETE"}[command], key)
    print(status)
    sys.stdout.buffer.write(answer if command == "get" else b"")
    sys.exit(0 if 200 <= status < 300 else 1)


if __name__ == "__main__":
    main()
