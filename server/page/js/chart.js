// SPDX-License-Identifier: Apache-2.0
// ECharts, only what is drawn here. Loaded apart from the rest.
import { init, use } from "echarts/core.js";
import { BarChart, LineChart } from "echarts/charts.js";
import { AriaComponent, GridComponent, MarkLineComponent, TooltipComponent } from "echarts/components.js";
import { SVGRenderer } from "echarts/renderers.js";

use([BarChart, LineChart, AriaComponent, GridComponent, MarkLineComponent, TooltipComponent, SVGRenderer]);

export function draw(node, option) {
  const chart = init(node, null, { renderer: "svg" });
  chart.setOption(option);
  return chart;
}
