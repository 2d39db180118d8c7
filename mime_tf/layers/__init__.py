"""Layers of MiME: codes become Dx-objects, Dx-objects become visits, visits become a patient."""

from mime_tf.layers.auxiliary_heads import AuxiliaryHeads
from mime_tf.layers.code_regression import CodeRegression
from mime_tf.layers.dxobject_embedding import DxObjectEmbedding
from mime_tf.layers.gru_v1 import GRUV1
from mime_tf.layers.gru_v1_cell import GRUV1Cell, hard_sigmoid_v1
from mime_tf.layers.visit_embedding import VisitEmbedding
from mime_tf.layers.visit_pooling import VisitPooling
from mime_tf.layers.visit_times import VisitTimes
from mime_tf.layers.visit_transform import VisitTransform

__all__ = [
    "GRUV1",
    "AuxiliaryHeads",
    "CodeRegression",
    "DxObjectEmbedding",
    "GRUV1Cell",
    "VisitEmbedding",
    "VisitPooling",
    "VisitTimes",
    "VisitTransform",
    "hard_sigmoid_v1",
]
