"""Draws layer definitions with QGIS, in its own Python: what each layer is, as JSON lines, and its picture."""

import json
import sys

from PyQt5.QtCore import QSize  # type: ignore[import-not-found]
from qgis.core import (  # type: ignore[import-not-found]
    QgsApplication,
    QgsLayerDefinition,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
)

application = QgsApplication([], False)
application.setPrefixPath("/usr", True)
application.initQgis()
for path in sys.argv[1:]:
    project = QgsProject.instance()
    project.clear()
    QgsLayerDefinition.loadLayerDefinition(path, project, project.layerTreeRoot())
    for layer in project.mapLayers().values():
        extent = layer.extent()
        told = {
            "valid": layer.isValid(),
            "name": layer.name(),
            "crs": layer.crs().authid(),
            "extent": [extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()],
            "renderer": layer.renderer().type() if layer.renderer() else None,
        }
        settings = QgsMapSettings()
        settings.setLayers([layer])
        settings.setDestinationCrs(layer.crs())
        settings.setExtent(extent)
        settings.setOutputSize(QSize(1000, 300))
        settings.setBackgroundColor(settings.backgroundColor().fromRgb(255, 255, 255, 255))
        job = QgsMapRendererParallelJob(settings)
        job.start()
        job.waitForFinished()
        job.renderedImage().save(path + ".png")
        sys.stdout.write(json.dumps(told) + "\n")
