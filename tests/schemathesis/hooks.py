"""What Schemathesis needs to know of Yitu beside its OpenAPI document."""

import schemathesis


@schemathesis.serializer("application/offset+octet-stream", "image/jpeg")
def bytes_as_they_are(_context, value):
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.check
def every_failure_is_a_problem(_context, response, case):
    if response.status_code < 400 or case.method.upper() == "HEAD":
        return
    kind = response.headers.get("content-type", [""])[0]
    assert kind == "application/problem+json", f"{response.status_code} came as {kind!r}"
    problem = response.json()
    assert problem["status"] == response.status_code, problem
    assert problem["title"] and problem["detail"] and problem["type"].startswith("urn:yitu:problem:"), problem
