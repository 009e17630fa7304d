-- The water that a plot needs, with every step of the sum.
--
-- Grain: plot whose root zone is known by water content, dry or not: a campaign waters moist plots, too
-- As of: readings up to as_of
-- Reads: drought_findings, limits
-- Feeds: drought_flags, campaign_findings
-- Kept as: table
--
-- Net = max(0, Dr - refill_to_share x TAW) carried from the covered depth to the whole root zone; gross = net /
-- (Ea (1 - LR)); litres = gross x area x wetted fraction (1 mm on 1 m2 is 1 L).
with nets as (
    select
        drought_findings.plot_id,
        drought_findings.area_m2,
        drought_findings.wetted_fraction,
        drought_findings.efficiency,
        drought_findings.visit_max_mm,
        drought_findings.usual_litres_m2_low,
        drought_findings.usual_litres_m2_high,
        limits.leaching_requirement,
        limits.refill_to_share,
        limits.usual_water_slack,
        greatest(
            0,
            drought_findings.depletion_mm - limits.refill_to_share * drought_findings.total_available_water_mm
        ) * drought_findings.root_zone_m / drought_findings.covered_m as net_mm,
    from drought_findings
    cross join limits
    where drought_findings.quantity = 'water_content' and drought_findings.covered_m > 0
),

grosses as (
    select
        nets.*,
        nets.net_mm / (nets.efficiency * (1 - nets.leaching_requirement)) as gross_mm,
    from nets
)

select
    grosses.plot_id,
    grosses.net_mm,
    grosses.gross_mm,
    grosses.gross_mm * grosses.area_m2 * grosses.wetted_fraction as litres,
    cast(
        greatest(1, coalesce(ceil(round(grosses.gross_mm / grosses.visit_max_mm, 9)), 1)) as smallint
    ) as visits,
    coalesce(
        grosses.gross_mm < grosses.usual_litres_m2_low / grosses.usual_water_slack
        or grosses.gross_mm > grosses.usual_litres_m2_high * grosses.usual_water_slack,
        false
    ) as is_unusual,
    grosses.leaching_requirement,
    grosses.refill_to_share,
from grosses
