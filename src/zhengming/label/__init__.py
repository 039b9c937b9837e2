"""Write, read and check labels of generated content. A plain library: values in, values out.

from zhengming import label

fields = label.first_write("001191999999GUJ65RGF1M1A001", produce_id)
fields.to_json()                                   # the implicit label (metadata)
label.TextLabel(LabelPlacement.END).place(answer)  # the explicit label of a text
label.read(found_in_a_file)                        # what somebody else wrote
"""

from zhengming.label.aigc import AigcFields, LabelFieldError, first_write, propagated
from zhengming.label.headers import label_headers
from zhengming.label.reading import AigcReading, LabelFault, LabelRemark, LabelVerdict, explain, read
from zhengming.label.text import LabelStripper, LabelWordingError, TextLabel, check_wording, strip_own_labels

__all__ = [
    "AigcFields",
    "AigcReading",
    "LabelFault",
    "LabelFieldError",
    "LabelRemark",
    "LabelStripper",
    "LabelVerdict",
    "LabelWordingError",
    "TextLabel",
    "check_wording",
    "explain",
    "first_write",
    "label_headers",
    "propagated",
    "read",
    "strip_own_labels",
]
