"""A request as it is written, to a simulator."""

import http.client
import json


def send(sim, path, body=None, headers=None, method="POST"):
    """(status, answer, data); a body that is no text goes as JSON."""
    connection = http.client.HTTPConnection(sim.host, sim.port)
    if body is not None and not isinstance(body, (str, bytes)):
        body = json.dumps(body)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, answer, data
