// SPDX-License-Identifier: Apache-2.0
// The indicators in the order and groups that people look for them.

const groups = {
  energy: ["total_energy_kgce", "energy_per_capita_kgce", "energy_per_area_kgce", "non_heating_energy_per_area_kgce", "heating_energy_per_heated_area_kgce", "pue"],
  electricity: ["electricity_kwh", "electricity_used_kwh", "electricity_per_capita_kwh", "electricity_per_area_kwh", "lighting_sockets_kwh",
    "air_conditioning_kwh", "power_kwh", "special_kwh",
                "submeter_residual_kwh", "submeter_residual_share"],
  operation: ["base_load_kw", "base_load_share", "free_day_load_kw", "peak_demand_kw", "load_factor", "water_night_flow_m3h"],
  carbon: ["co2_kg", "co2_scope1_kg", "co2_scope2_kg", "co2_per_area_kg", "co2_per_area_frozen_kg", "co2_per_capita_kg", "co2_per_capita_frozen_kg"],
  water: ["water_m3", "water_per_capita_m3"],
  pv: ["pv_generation_kwh", "pv_share", "pv_own_use_kwh", "pv_own_use_share"],
  cost: ["energy_cost_yuan", "base_load_cost_yuan", "water_cost_yuan"],
};

// [[group, [[kpi, figure] ...]] ...] of what is there; what has no place yet comes last.
export function grouped(kpis) {
  const isFigure = (kpi) => kpis[kpi] && "value" in kpis[kpi];
  const placed = new Set(Object.values(groups).flat());
  const others = Object.keys(kpis).filter((kpi) => !placed.has(kpi) && isFigure(kpi));
  const all = Object.entries(groups).map(([group, names]) => [group, group === "operation" ? [...names, ...others] : names]);
  return all.map(([group, names]) => [group, names.filter(isFigure).map((kpi) => [kpi, kpis[kpi]])]).filter(([, figures]) => figures.length);
}

// A ratio such as PUE is a number, other shares are read as per cent.
export const unitOf = (kpi, figure) => (kpi === "pue" ? "" : figure.unit);
