"""The built-in steps that run as activities, one module each; the wrapper makes activities of them."""

from activities.steps.compute import compute
from activities.steps.fail import fail
from activities.steps.http_call import http_call
from activities.steps.log import log

BUILT_IN = (log, compute, http_call, fail)
