"""Whether Temporal's namespace is there, keeps histories long enough and has the search attributes; for the doctor."""

from collections.abc import Sequence
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from perdure.contract import name
from perdure.doctor.finding import Finding, ok, problem, warning
from perdure.settings import Settings

SHORTEST_RETENTION = timedelta(days=7)
ATTRIBUTES = (
    name.ATTRIBUTE_STATUS,
    name.ATTRIBUTE_TYPE,
    name.ATTRIBUTE_TENANT,
    name.ATTRIBUTE_CORRELATION_ID,
)
_KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD


async def examine_namespace(client: Client, settings: Settings) -> Sequence[Finding]:
    namespace = settings.temporal_namespace
    try:
        answer = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=namespace))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        remedy = f"temporal operator namespace create --namespace {namespace} --retention 30d"
        return [
            problem("namespace", f"There is no namespace {namespace!r}", f"Run: {remedy} (PERDURE_TEMPORAL_NAMESPACE).")
        ]
    return [ok("namespace", namespace), judge_retention(namespace, answer.config.workflow_execution_retention_ttl)]


def judge_retention(namespace: str, kept: Duration) -> Finding:
    """Whether the namespace keeps closed jobs' histories long enough to fold them again."""
    days = kept.ToTimedelta() / timedelta(days=1)
    what = f"histories of closed jobs are kept for {days:g} days"
    if kept.ToTimedelta() >= SHORTEST_RETENTION:
        return ok("retention", what)
    update = f"temporal operator namespace update --namespace {namespace} --retention 30d"
    return warning("retention", f"{what}: what Postgres loses later cannot be folded again", f"Run: {update}")


async def examine_attributes(client: Client, settings: Settings) -> Sequence[Finding]:
    request = ListSearchAttributesRequest(namespace=settings.temporal_namespace)
    answer = await client.operator_service.list_search_attributes(request)
    return judge_attributes(dict(answer.custom_attributes), settings.temporal_namespace)


def judge_attributes(registered: dict[str, int], namespace: str) -> Sequence[Finding]:
    """Whether every search attribute of Perdure is there, as a Keyword. `registered`: name -> IndexedValueType."""
    check = "search attributes"
    missing = [one for one in ATTRIBUTES if one not in registered]
    other = [one for one in ATTRIBUTES if registered.get(one, _KEYWORD) != _KEYWORD]
    found = []
    if missing:
        words = " ".join(f"--name {one} --type Keyword" for one in missing)
        remedy = f"Run: temporal operator search-attribute create --namespace {namespace} {words}"
        found.append(problem(check, f"not registered: {', '.join(missing)}; jobs cannot start", remedy))
    if other:
        remove = f"temporal operator search-attribute remove --namespace {namespace}"
        remedy = f"Remove them ({remove}), then create them as Keyword."
        found.append(problem(check, f"registered with another type than Keyword: {', '.join(other)}", remedy))
    return found or [ok(check, f"{len(ATTRIBUTES)} registered as Keyword")]
