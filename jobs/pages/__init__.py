"""What the report page is made of: its document, style and script, its words in two languages, and Apache ECharts 6.1.0.

`echarts/` holds the file `dist/echarts.common.min.js` of the npm package echarts 6.1.0 as it was published, with the licences of
all that is in it.
"""
