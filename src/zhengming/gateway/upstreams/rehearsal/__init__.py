"""The rehearsal: an upstream inside the process, so that everything works with no model and no network.

It is no model. It answers documented prompts with fixed text, in the wire shapes of the OpenAI API, cut into small
uneven pieces that depend on the prompt alone: two equal requests get byte for byte the same answer.
"""

from zhengming.gateway.upstreams.rehearsal.catalogue import REHEARSALS, Rehearsal
from zhengming.gateway.upstreams.rehearsal.upstream import RehearsalUpstream

__all__ = ["REHEARSALS", "Rehearsal", "RehearsalUpstream"]
