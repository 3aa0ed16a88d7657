"""Draws layers with QGIS, in its own Python: what each layer is, as JSON lines, and its picture.

Each line of the input names a layer: `definition` is a file that QGIS loads, else `source` is opened by `provider`;
`extent` and `size` say which part of it is drawn to the file `picture`.
"""

import json
import sys

from PyQt5.QtCore import QSize  # type: ignore[import-not-found]
from PyQt5.QtGui import QColor  # type: ignore[import-not-found]
from qgis.core import (  # type: ignore[import-not-found]
    QgsApplication,
    QgsLayerDefinition,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
)


def layer_of(asked):
    """The layer that is asked for; None where a definition has none."""
    if "definition" not in asked:
        return QgsRasterLayer(asked["source"], "layer", asked["provider"])
    project = QgsProject.instance()
    project.clear()
    QgsLayerDefinition.loadLayerDefinition(asked["definition"], project, project.layerTreeRoot())
    return next(iter(project.mapLayers().values()), None)


def draw(layer, asked):
    """Draw a part of a layer in its own system."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    settings.setExtent(QgsRectangle(*asked["extent"]) if "extent" in asked else layer.extent())
    settings.setOutputSize(QSize(*asked["size"]))
    settings.setBackgroundColor(QColor(255, 255, 255))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    job.renderedImage().save(asked["picture"])


def described(layer):
    """What QGIS knows of a layer."""
    extent = layer.extent()
    provider = layer.dataProvider()
    return {
        "valid": layer.isValid(),
        "crs": layer.crs().authid(),
        "extent": [extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()],
        "renderer": layer.renderer().type() if layer.renderer() else None,
        "nodata": provider.sourceNoDataValue(1) if provider and provider.sourceHasNoDataValue(1) else None,
    }


application = QgsApplication([], False)
application.setPrefixPath("/usr", True)
application.initQgis()
for line in sys.stdin:
    one = json.loads(line)
    found = layer_of(one)
    if found is not None and found.isValid():
        draw(found, one)
        sys.stdout.write(json.dumps(described(found)) + "\n")
    else:
        sys.stdout.write(json.dumps({"valid": False}) + "\n")
    sys.stdout.flush()
